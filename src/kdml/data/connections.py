"""What a failed connection means in plain words, and whether it may pass by itself."""

import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

CHECK_NETWORK = "check the network and start again: what has arrived is kept and continued"
CERTIFICATE = (
    "where a proxy or firewall looks into connections, ask for its certificate and name the file in REQUESTS_CA_BUNDLE; "
    "otherwise check the clock of this machine"
)
PASSWORD = "write name and password into the variable HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT"
SOCKS = "install it (`uv pip install pysocks`), or set HTTPS_PROXY and ALL_PROXY to a proxy of HTTP, or to nothing"
ADDRESS = "check the network of this machine, and the addresses in HTTPS_PROXY and ALL_PROXY if they are set"
PROXY = "check the variables HTTPS_PROXY and ALL_PROXY, or ask who runs the proxy"


class Failure(NamedTuple):
    """Why a connection failed.

    Args:
        reason: a phrase.
        remedy: what to do about it.
        may_pass: whether trying again may help.
    """

    reason: str
    remedy: str
    may_pass: bool


def failure_of(error: BaseException) -> Failure:
    """Explain an error of requests that has no response, by the errors that it was raised upon.

    A certificate, an address, or a proxy that refuses stay as they are; a connection that is refused or breaks may not.
    """
    causes = list(_causes(error))
    said = " | ".join(map(str, causes))
    last = str(causes[-1]) or type(causes[-1]).__name__
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Failure(f"the certificate of the server is not trusted ({last})", CERTIFICATE, False)
    if "CA certificate bundle" in said:
        return Failure(last, "name a file of certificates that exists in REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE", False)
    if "SOCKS" in said:
        return Failure(f"a SOCKS proxy is set, and the package for it is not installed ({last})", SOCKS, False)
    if "407" in said and "Proxy Authentication" in said:
        return Failure("the proxy wants a password (407)", PASSWORD, False)
    if "Tunnel connection failed: 4" in said:
        return Failure(f"the proxy refuses the connection ({last})", PROXY, False)
    if any(isinstance(cause, ssl.SSLError) for cause in causes) and "EOF" not in said:
        return Failure(f"the server or the proxy does not speak TLS as it should ({last})", PROXY, False)
    if any(isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME for cause in causes):
        return Failure(f"an address is not known ({last})", ADDRESS, False)
    if _is_wrong_address(error):
        return Failure(f"an address is none ({last})", ADDRESS, False)
    if "timed out" in said:
        return Failure("no answer came in time", CHECK_NETWORK, True)
    where = "the proxy: " if type(error).__name__ == "ProxyError" else ""
    return Failure(f"{where}{type(error).__name__}: {last}", CHECK_NETWORK, True)


def _is_wrong_address(error: BaseException) -> bool:
    """Whether requests cannot make sense of an address; all of these are errors of value."""
    return isinstance(error, ValueError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised upon, the deepest last; urllib3 keeps that in `reason` or among the arguments."""
    seen: set[int] = set()
    ahead: BaseException | None = error
    while ahead is not None and id(ahead) not in seen:
        seen.add(id(ahead))
        yield ahead
        inside = (ahead.__cause__, getattr(ahead, "reason", None), *ahead.args, ahead.__context__)
        ahead = next((one for one in inside if isinstance(one, BaseException)), None)
