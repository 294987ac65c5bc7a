//! The reference implementation of safetensors, behind a pipe, so that a test in
//! another language can put many cases to it in one process:
//!
//!     kibisis-reference verdict <requests >answers
//!     kibisis-reference write   <requests >answers
//!
//! and behind a clock, so that its speed and another reader's can be measured in one run:
//!
//!     kibisis-reference open PATH CALLS
//!     kibisis-reference save PATH <targets >answers
//!
//! A request is a frame: its length as u32, then that many bytes. Every integer
//! is little endian. An answer is flushed as soon as its request was read, and the
//! end of the input between two frames ends the program with status 0. A frame
//! that is cut short, or that does not hold what it should, ends it with status 1
//! and a message on stderr.
//!
//! `verdict`: a frame is a whole safetensors file. The answer is one line:
//!
//!     ok COUNT [TENSOR ...] [metadata [KEY=VALUE ...]]
//!     err VARIANT "MESSAGE"
//!     panic
//!
//! with TENSOR = NAME:DTYPE:SHAPE:BEGIN:END, sorted by the bytes of the name. NAME,
//! KEY and VALUE are UTF-8 in hexadecimal (an empty one is the empty string), SHAPE
//! is dims joined by commas (nothing for a scalar), BEGIN and END are the
//! data_offsets as in the header. The word `metadata` stands there if the file has
//! any, also when it is empty. VARIANT is a variant of SafeTensorError.
//!
//! `write`: a frame describes a file, as
//!
//!     metadata  count u32 (0xffffffff: none at all), then per pair: key text, value text
//!     tensors   count u32, then per tensor: name text, dtype text, rank u32,
//!               rank dims as u64, data length u64, data
//!     text      length u32, then UTF-8
//!
//! and the answer is one status byte, a length as u32, and that many bytes:
//! status 0 is what serialize() made, 1 the VARIANT and message of its error, 2 a
//! panic (length 0). More than one metadata pair comes out in random order.
//!
//! `open`: opens the file, maps it and deserializes it, CALLS times, and prints one
//! line for each call: how many nanoseconds that took, then the number of tensors.
//! Giving back what was opened is not in the time.
//!
//! `save`: reads the file into memory, prints `ready`, and then, for each line of the
//! input, which is a path, has serialize_to_file write the file's tensors and metadata
//! there, and prints how many nanoseconds that took.

use memmap2::Mmap;
use safetensors::tensor::{Metadata, TensorView};
use safetensors::{serialize, serialize_to_file, Dtype, SafeTensorError, SafeTensors};
use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufWriter, Read, Write};
use std::panic;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

const NO_METADATA: u32 = u32::MAX;

fn main() -> ExitCode {
    panic::set_hook(Box::new(|_| {})); // a panic is an answer, not noise
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["verdict"] => serve(verdict).map_err(Box::from),
        ["write"] => serve(write).map_err(Box::from),
        ["open", path, calls] => open(path, calls),
        ["save", path] => save(path),
        _ => {
            eprintln!("usage: kibisis-reference verdict|write <requests >answers");
            eprintln!("       kibisis-reference open PATH CALLS");
            eprintln!("       kibisis-reference save PATH <targets >answers");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("kibisis-reference: {e}");
            ExitCode::FAILURE
        }
    }
}

fn serve(answer: fn(&[u8], &mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut output = BufWriter::new(io::stdout().lock());
    while let Some(frame) = read_frame(&mut input)? {
        answer(&frame, &mut output)?;
        output.flush()?;
    }
    Ok(())
}

/// The next frame, or None at the end of the input.
fn read_frame(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 4];
    if input.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut head[1..])?;
    let mut frame = vec![0; u32::from_le_bytes(head) as usize];
    input.read_exact(&mut frame)?;
    Ok(Some(frame))
}

// ---- verdict ----

fn verdict(file: &[u8], output: &mut dyn Write) -> io::Result<()> {
    let read = panic::catch_unwind(|| {
        // deserialize is what users call; read_metadata gives the offsets.
        SafeTensors::deserialize(file).and_then(|_| SafeTensors::read_metadata(file))
    });
    match read {
        Ok(Ok((_, metadata))) => writeln!(output, "ok {}", describe(&metadata)),
        Ok(Err(e)) => writeln!(output, "err {}", error_text(&e)),
        Err(_) => writeln!(output, "panic"),
    }
}

fn describe(metadata: &Metadata) -> String {
    let tensors = metadata.tensors();
    let mut names: Vec<&String> = tensors.keys().collect();
    names.sort();
    let mut words = vec![names.len().to_string()];
    for name in names {
        let t = tensors[name];
        let dims: Vec<String> = t.shape.iter().map(usize::to_string).collect();
        let (begin, end) = t.data_offsets;
        words.push(format!(
            "{}:{}:{}:{begin}:{end}",
            hex(name),
            t.dtype,
            dims.join(",")
        ));
    }
    if let Some(pairs) = metadata.metadata() {
        let mut pairs: Vec<_> = pairs.iter().collect();
        pairs.sort();
        words.push("metadata".to_string());
        words.extend(pairs.iter().map(|(k, v)| format!("{}={}", hex(k), hex(v))));
    }
    words.join(" ")
}

fn hex(text: &str) -> String {
    text.bytes().map(|b| format!("{b:02x}")).collect()
}

/// The name of the variant, then the message, quoted so that it stays on one line.
fn error_text(e: &SafeTensorError) -> String {
    let debug = format!("{e:?}");
    let variant = debug
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or("");
    format!("{variant} {:?}", e.to_string())
}

// ---- open ----

fn open(path: &str, calls: &str) -> Result<(), Box<dyn Error>> {
    let calls: u32 = calls.parse()?;
    for _ in 0..calls {
        let started = Instant::now();
        let file = File::open(path)?;
        // SAFETY: whoever measures leaves the file alone meanwhile.
        let map = unsafe { Mmap::map(&file)? };
        let tensors = SafeTensors::deserialize(&map)?;
        let elapsed = started.elapsed();
        println!("{} {}", elapsed.as_nanos(), tensors.len());
    }
    Ok(())
}

// ---- save ----

fn save(path: &str) -> Result<(), Box<dyn Error>> {
    let file = std::fs::read(path)?;
    let (_, header) = SafeTensors::read_metadata(&file)?;
    let tensors = SafeTensors::deserialize(&file)?;
    println!("ready");
    for target in io::stdin().lock().lines() {
        let target = target?;
        let started = Instant::now();
        serialize_to_file(
            tensors.iter(),
            header.metadata().clone(),
            Path::new(&target),
        )?;
        println!("{}", started.elapsed().as_nanos());
    }
    Ok(())
}

// ---- write ----

struct Description {
    metadata: Option<HashMap<String, String>>,
    tensors: Vec<Tensor>,
}

struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

fn write(frame: &[u8], output: &mut dyn Write) -> io::Result<()> {
    let description = Fields(frame).description()?;
    let (status, answer) = match panic::catch_unwind(|| encode(&description)) {
        Ok(Ok(file)) => (0, file),
        Ok(Err(e)) => (1, error_text(&e).into_bytes()),
        Err(_) => (2, Vec::new()),
    };
    output.write_all(&[status])?;
    output.write_all(&(answer.len() as u32).to_le_bytes())?;
    output.write_all(&answer)
}

fn encode(d: &Description) -> Result<Vec<u8>, SafeTensorError> {
    let mut views = Vec::with_capacity(d.tensors.len());
    for t in &d.tensors {
        views.push((&t.name, TensorView::new(t.dtype, t.shape.clone(), &t.data)?));
    }
    serialize(views, d.metadata.clone())
}

/// What is left to read of a frame.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn description(&mut self) -> io::Result<Description> {
        let metadata = self.metadata()?;
        let tensors = (0..self.u32()?)
            .map(|_| self.tensor())
            .collect::<io::Result<_>>()?;
        if !self.0.is_empty() {
            return Err(bad("bytes after the last tensor"));
        }
        Ok(Description { metadata, tensors })
    }

    fn metadata(&mut self) -> io::Result<Option<HashMap<String, String>>> {
        let count = self.u32()?;
        if count == NO_METADATA {
            return Ok(None);
        }
        (0..count)
            .map(|_| Ok((self.text()?, self.text()?)))
            .collect::<io::Result<_>>()
            .map(Some)
    }

    fn tensor(&mut self) -> io::Result<Tensor> {
        let name = self.text()?;
        let dtype = dtype(&self.text()?)?;
        let shape = (0..self.u32()?)
            .map(|_| Ok(self.u64()? as usize))
            .collect::<io::Result<_>>()?;
        let len = self.u64()? as usize;
        let data = self.take(len)?.to_vec();
        Ok(Tensor {
            name,
            dtype,
            shape,
            data,
        })
    }

    fn text(&mut self) -> io::Result<String> {
        let len = self.u32()? as usize;
        String::from_utf8(self.take(len)?.to_vec()).map_err(|_| bad("text that is not UTF-8"))
    }

    fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(
            self.take(4)?.try_into().expect("four bytes"),
        ))
    }

    fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_le_bytes(
            self.take(8)?.try_into().expect("eight bytes"),
        ))
    }

    fn take(&mut self, n: usize) -> io::Result<&[u8]> {
        if n > self.0.len() {
            return Err(bad("a frame that ends too early"));
        }
        let (head, rest) = self.0.split_at(n);
        self.0 = rest;
        Ok(head)
    }
}

fn dtype(name: &str) -> io::Result<Dtype> {
    use Dtype::*;
    const ALL: [Dtype; 22] = [
        BOOL,
        F4,
        F6_E2M3,
        F6_E3M2,
        U8,
        I8,
        F8_E5M2,
        F8_E4M3,
        F8_E8M0,
        F8_E4M3FNUZ,
        F8_E5M2FNUZ,
        I16,
        U16,
        F16,
        BF16,
        I32,
        U32,
        F32,
        C64,
        F64,
        I64,
        U64,
    ];
    let found = ALL.into_iter().find(|d| d.to_string() == name);
    found.ok_or_else(|| bad(&format!("dtype {name:?} is not known")))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
