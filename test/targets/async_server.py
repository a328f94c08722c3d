# SPDX-License-Identifier: Apache-2.0
"""Three kinds of requests, each a task of its own: async_server.py FILE [uvloop]"""
import asyncio
import sys

import server_account as account


async def serve(kind):
    since = account.busy(kind)
    await asyncio.sleep(account.WAIT)
    account.has_waited(kind, since)


async def request_a():
    await serve(0)


async def request_b():
    await serve(1)


async def request_c():
    await serve(2)


async def client(request):
    await asyncio.ensure_future(request())


async def main():
    kinds = [request_a] * 2 + [request_b] * 3 + [request_c] * 5
    print('ready', flush=True)
    while True:
        await asyncio.gather(*map(client, kinds))
        account.write()


if sys.argv[2:] == ['uvloop']:
    import uvloop
    uvloop.install()

asyncio.run(main())
