"""Downloads of pictures from addresses that clients name: filtered, counted, limited in time."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore
import httpx

from vultus.errors import PictureTooLarge, PictureUnreachable
from vultus.imaging.addresses import is_listed, is_public

_MAX_REDIRECTS = 5
_MAX_IDLE = 20  # connections kept for a next download
_OWN_HEADERS = frozenset(
    {"accept-encoding", "connection", "content-length", "host", "te", "transfer-encoding", "upgrade"}
)
"""Headers the connection itself decides; a caller's are left out."""

LOOKUPS_AT_ONCE = 16
"""Threads that look names up. A lookup cannot be stopped: one that hangs keeps its thread beyond its download's end."""

_HOST = re.compile(r"[a-z0-9._:-]+")  # names and addresses, without zones and percent-encodings

_FAULTS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    OSError,
    UnicodeError,
)


class Downloader:
    """One pool of connections, for one event loop.

    Names are resolved here, the addresses checked, and the connection made to the very address that was checked: a name
    server cannot answer twice. Proxies of the environment are not used: they would resolve names themselves.

    Args:
        allow_private: Connect to addresses that are not public as well.
        schemes: Of addresses, redirects included: ``http``, ``https``.
        hosts: Names of hosts, redirects included, as ``is_listed`` reads them; none: any.
        timeout: Seconds one download may take, redirects, the name's lookup and any waiting for its turn included.
        max_bytes: Largest body.
        connections: Downloads under way at once; more wait for their turn.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        timeout: float,
        max_bytes: int,
        connections: int,
        schemes: Collection[str] = ("http", "https"),
        hosts: Collection[str] = (),
    ) -> None:
        self._schemes = schemes
        self._hosts = hosts
        self._timeout = timeout
        self._max_bytes = max_bytes
        # Not the event loop's own threads: names that clients choose could keep them all from other work.
        self._lookups = ThreadPoolExecutor(LOOKUPS_AT_ONCE, "vultus-lookup")
        self._client = httpx.AsyncClient(
            transport=_Transport(_Network(self._lookups, allow_private=allow_private), connections),
            timeout=timeout,
            # Compressed bodies could outgrow every limit in one step, and pictures gain nothing from them.
            headers={"User-Agent": "vultus", "Accept-Encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # one caller's cookies are no other's
            trust_env=False,
        )

    async def download(self, url: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
        """The body behind an http or https address, tried once.

        Args:
            url: The address.
            headers: Sent with the request.
            count: Told the length of each part of the body before it is kept; what it raises ends the download.

        Raises:
            PictureUnreachable: The address is refused, nobody answers in time, or the answer is no success.
            PictureTooLarge: The body is larger than ``max_bytes``.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._get(url, headers, count)
        except (TimeoutError, httpx.TimeoutException, httpcore.TimeoutException) as error:
            raise PictureUnreachable(
                f"the picture's address did not deliver within {self._timeout:g} seconds (fetch_timeout)",
                limit="fetch_timeout",
            ) from error
        except _FAULTS as error:
            raise PictureUnreachable(
                "the picture's address cannot be reached: check its host, port and certificate"
            ) from error

    async def aclose(self) -> None:
        """Close all connections. Lookups under way are not waited for."""
        self._lookups.shutdown(wait=False, cancel_futures=True)
        await self._client.aclose()

    async def _get(self, url: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
        own = {name: value for name, value in headers.items() if name.lower() not in _OWN_HEADERS}
        request = self._client.build_request("GET", url, headers=own)
        for _ in range(1 + _MAX_REDIRECTS):
            self._check_listed(request.url)
            origin = _origin(request.url)
            # httpx would read the whole body of a redirection, however long, if it followed.
            response = await self._client.send(request, stream=True, follow_redirects=False)
            try:
                if response.next_request is None:
                    return await self._read(response, count)
                request = response.next_request
            finally:
                await response.aclose()
            if _origin(request.url) != origin:
                for name in own:  # meant for the server that was named
                    request.headers.pop(name, None)
        raise PictureUnreachable(
            f"the picture's address redirects more than {_MAX_REDIRECTS} times; name the picture itself"
        )

    async def _read(self, response: httpx.Response, count: Callable[[int], None]) -> bytes:
        if not response.is_success:
            raise PictureUnreachable(f"the picture's address answers with HTTP status {response.status_code}")
        announced = response.headers.get("Content-Length", "")
        if announced.isdecimal():
            self._check(int(announced))
        body = bytearray()
        async for part in response.aiter_raw():
            self._check(len(body) + len(part))
            count(len(part))
            body += part
        return bytes(body)

    def _check_listed(self, url: httpx.URL) -> None:
        host = url.raw_host.decode("ascii").lower()
        if not _HOST.fullmatch(host):  # whatever else a resolver might make of it
            raise httpx.InvalidURL("no host")
        if url.scheme not in self._schemes:
            raise PictureUnreachable(
                f"pictures are fetched by {' or '.join(self._schemes)} only (fetch_schemes)", limit="fetch_schemes"
            )
        if self._hosts and not is_listed(host, self._hosts):
            raise PictureUnreachable(
                "the picture's host is not among those that pictures may be fetched from (fetch_hosts)",
                limit="fetch_hosts",
            )

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise PictureTooLarge(
                f"the picture behind the address has more bytes than max_picture_bytes ({self._max_bytes}) allows",
                limit="max_picture_bytes",
            )


class _Network(httpcore.AsyncNetworkBackend):
    """TCP connections to addresses that were checked after their names were resolved."""

    def __init__(self, lookups: Executor, *, allow_private: bool) -> None:
        self._lookups = lookups
        self._allow_private = allow_private
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's protocol
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await asyncio.get_running_loop().run_in_executor(self._lookups, _look_up, host, port)
        if not self._allow_private:
            addresses = [address for address in addresses if is_public(address)]
        if not addresses:
            raise PictureUnreachable(
                "the picture's address is not on the public internet; set fetch_private to allow such addresses"
            )
        share = timeout and timeout / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._sockets.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._sockets.connect_tcp(addresses[-1], port, share, local_address, socket_options)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port  # the port is None where it is the scheme's own


def _look_up(host: str, port: int) -> list[str]:
    """The host's addresses, best first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Transport(httpx.AsyncBaseTransport):
    """What httpx's own transport does, over a network of our own, which that one does not take."""

    def __init__(self, network: httpcore.AsyncNetworkBackend, connections: int) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=connections,
            max_keepalive_connections=_MAX_IDLE,
            network_backend=network,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        response = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()
