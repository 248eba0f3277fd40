"""Several processes: what is noticed before JAX would end them."""

import socket

from pcnnlib._internal import processes


def test_a_port_in_use_is_noticed_before_jax_ends_the_process():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert processes._in_use(port)
    assert not processes._in_use(port)
