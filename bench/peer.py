"""The Python side of the benchmark: does what it is told, one thing at a time.

It reads requests from stdin and answers on stdout, both one line of JSON each:

    {"op": "save_model", "path": "...", "n": 1}  ->  {"seconds": 0.24}

or {"error": "..."}. Only the call itself is timed. The first line that it writes,
before any request, is {"versions": {...}}, or {"missing": "..."} where a package
is not there.
"""

import contextlib
import ctypes
import json
import os
import platform
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

PAGE = 4096  # bytes

answers = sys.stdout
sys.stdout = sys.stderr  # whatever a library prints is no answer


def answer(message):
    answers.write(json.dumps(message) + "\n")
    answers.flush()


try:
    import safetensors
    import safetensors.numpy
    import safetensors.torch
    import torch
except ImportError as e:
    answer({"missing": str(e)})
    sys.exit(0)


def build(path):
    """A module whose parameters are the tensors of a file."""
    root = torch.nn.Module()
    for name, tensor in safetensors.torch.load_file(path).items():
        module = root
        *parents, leaf = name.split(".")
        for part in parents:
            if part not in module._modules:
                module.add_module(part, torch.nn.Module())
            module = module._modules[part]
        module.register_parameter(leaf, torch.nn.Parameter(tensor.clone(), requires_grad=False))
    return root


class Peer:
    """Each method is an op. It returns the seconds that the work took, or nothing."""

    def __init__(self):
        self.net = None
        self.blocks = None  # what memmove copies from and to
        self.arrays = None  # what numpy loaded
        self.large = None  # the large file, open
        self.part = None  # of it, the last one read

    def model(self, path, n):
        self.net = build(path)

    def blank(self, path, n):
        for p in self.net.parameters():
            p.zero_()

    def check(self, path, n):
        state = self.net.state_dict()
        with safetensors.safe_open(path, framework="pt") as f:
            if sorted(state) != sorted(f.keys()):
                raise ValueError("the names are not those of the file")
            for name, tensor in state.items():
                if not torch.equal(tensor, f.get_tensor(name).to(tensor.dtype)):
                    raise ValueError(f"{name} is not what the file has")

    def save_model(self, path, n):
        return timed(lambda: safetensors.torch.save_model(self.net, path))

    def save_model_synced(self, path, n):
        def save():
            safetensors.torch.save_model(self.net, path)
            sync(path)
            if os.name != "nt":
                sync(os.path.dirname(path))

        return timed(save)

    def load_model(self, path, n):
        return timed(lambda: safetensors.torch.load_model(self.net, path))

    def torch_save(self, path, n):
        return timed(lambda: torch.save(self.net.state_dict(), path))

    def torch_file(self, path, n):
        torch.save(self.net.state_dict(), path)
        sync(path)

    def torch_load(self, path, n):
        return timed(lambda: self.net.load_state_dict(torch.load(path, weights_only=True)))

    def safe_open(self, path, n):
        def open_all():
            for _ in range(n):
                with safetensors.safe_open(path, framework="pt"):
                    pass

        return timed(open_all)

    def numpy_load(self, path, n):
        def load():
            self.arrays = safetensors.numpy.load_file(path)

        return timed(load)

    def numpy_check(self, path, n):
        state = self.net.state_dict()
        if sorted(state) != sorted(self.arrays):
            raise ValueError("the names are not those of the model")
        for name, tensor in state.items():
            if not torch.equal(tensor, torch.from_numpy(self.arrays[name])):
                raise ValueError(f"{name} is not what the model has")

    def numpy_forget(self, path, n):
        self.arrays = None

    # Parts of the large file. A slice is row 1 of the layers in turn, or for cold_slice
    # the one in their middle; a tensor is the first of the file, or the last.

    def parts(self, path, n, read):
        """Times n reads from the file, which stays open."""
        if self.large is None:
            self.large = safetensors.safe_open(path, framework="pt").__enter__()

        def read_all():
            for call in range(n):
                self.part = read(self.large, call)

        return timed(read_all)

    def open_parts(self, path, n, read):
        """Times n reads, each from the file opened anew."""

        def read_all():
            for call in range(n):
                with safetensors.safe_open(path, framework="pt") as f:
                    self.part = read(f, call)

        return timed(read_all)

    def slice(self, path, n):
        return self.parts(path, n, first_row)

    def tensor(self, path, n):
        return self.parts(path, n, lambda f, call: f.get_tensor("bias"))

    def open_slice(self, path, n):
        return self.open_parts(path, n, first_row)

    def open_tensor(self, path, n):
        return self.open_parts(path, n, lambda f, call: f.get_tensor("bias"))

    def cold_slice(self, path, n):
        def read(f, call):
            layer = f.get_slice(layer_name(call))
            row = layer.get_shape()[0] // 2
            return layer[row : row + 1].clone()

        self.part = None
        return self.open_parts(path, n, read)

    def cold_tensor(self, path, n):
        self.part = None
        return self.open_parts(path, n, lambda f, call: f.get_tensor("norm").clone())

    def check_part(self, path, n):
        """n is the CRC-32 of what the first call has to read."""
        if zlib.crc32(self.part.numpy().tobytes()) != n:
            raise ValueError("other bytes than those of the file")

    def memmove(self, path, n):
        """n threads copy as many bytes as the model has, from the mapped file, one call each.

        The C library's loop for large blocks is at its best so: long pieces, and both
        addresses at the same place of a page (64 bytes apart costs a factor of four).
        """
        if self.blocks is None:
            size = sum(p.nbytes for p in self.net.parameters())
            source = torch.from_file(path, size=size, dtype=torch.uint8)
            self.blocks = source, torch.ones(size + PAGE, dtype=torch.uint8)
        source, to = (block.data_ptr() for block in self.blocks)
        size = self.blocks[0].nbytes
        to += -to % PAGE
        step = -(-size // (n * PAGE)) * PAGE
        parts = [(to + at, source + at, min(step, size - at)) for at in range(0, size, step)]
        with ThreadPoolExecutor(n) as pool:
            list(pool.map(lambda _: time.sleep(0.01), range(n)))  # starts the threads
            return timed(lambda: list(pool.map(lambda p: ctypes.memmove(*p), parts)))


def layer_name(call):
    return f"layers.{call % 16:02}.weight"


def first_row(f, call):
    """A view: what is not looked at is not read."""
    return f.get_slice(layer_name(call))[1:2]


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def main():
    answer({"versions": {
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "safetensors": safetensors.__version__,
    }})
    peer = Peer()
    with contextlib.suppress(KeyboardInterrupt):  # the parent ends
        for line in sys.stdin:
            request = json.loads(line)
            try:
                seconds = getattr(peer, request["op"])(request["path"], request["n"])
                answer({"seconds": seconds or 0})
            except Exception as e:
                answer({"error": f"{type(e).__name__}: {e}"})


main()
