# SPDX-License-Identifier: Apache-2.0
"""What async_server.py is for tasks, with greenlets of gevent: greenlets_server.py FILE"""
import greenlets_account # noqa: F401: loads libraries that gevent needs
import gevent

import server_account as account


def serve(kind):
    since = account.busy(kind)
    gevent.sleep(account.WAIT)
    account.has_waited(kind, since)


def request_a():
    serve(0)


def request_b():
    serve(1)


def request_c():
    serve(2)


def client(request):
    gevent.spawn(request).join()


def main():
    kinds = [request_a] * 2 + [request_b] * 3 + [request_c] * 5
    print('ready', flush=True)
    while True:
        gevent.joinall([gevent.spawn(client, kind) for kind in kinds])
        account.write()


main()
