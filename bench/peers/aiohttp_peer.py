"""One request to each host with aiohttp, JSON decoded. Usage: aiohttp_peer.py FILE ROUNDS [CA]

FILE has one URL per line. The first round opens connections, later rounds reuse them. Exits with 1 if a request failed.
"""

import asyncio
import ssl
import sys

import aiohttp

IN_FLIGHT = 1000


async def ask(session, urls):
    for url in urls:
        async with session.get(f"{url}?nonce=0123456789abcdef") as response:
            document = await response.json()
            if response.status != 200 or document["nonce"] != "0123456789abcdef" or not document["git_sha"]:
                sys.exit(f"{url}: status {response.status}")


async def main(path, rounds, authorities=None):
    with open(path, encoding="ascii") as file:
        urls = file.read().split()
    context = ssl.create_default_context(cafile=authorities) if authorities else True
    reuse = {"force_close": True} if rounds == 1 else {"keepalive_timeout": 300}
    connector = aiohttp.TCPConnector(limit=0, ssl=context, **reuse)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        for _ in range(rounds):
            work = iter(urls)
            await asyncio.gather(*(ask(session, work) for _ in range(IN_FLIGHT)))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
