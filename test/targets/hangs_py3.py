# SPDX-License-Identifier: Apache-2.0
"""Hangs of what only Python 3 has: see hangs.py."""
import asyncio
import concurrent.futures
import multiprocessing
import multiprocessing.pool
import time

import stage
from hangs_busy import BUSY, count_up
from staged import hang

LOOP = r'\b(event )?loop\b|\basyncio\b'


# --- asyncio ------------------------------------------------------------------

async def beat():
    while True:
        await asyncio.sleep(0.05)


async def run(coroutine):
    beating = asyncio.ensure_future(beat())
    await asyncio.sleep(0.2)
    await coroutine
    await beating


def run_in_loop(coroutine):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(run(coroutine))


@hang(LOOP, r'\bsleep', r'\bhandle_request\b', least=(3, 6))
def asyncio_sleep():
    async def handle_request():
        stage.standing()
        time.sleep(250)
    run_in_loop(handle_request())


@hang(LOOP, r'\bhandle_request\b|\bcount_up\b', BUSY, may=['busy'], least=(3, 6))
def asyncio_busy():
    async def handle_request():
        stage.standing('busy')
        count_up()
    run_in_loop(handle_request())


@hang(LOOP + r'|\b(task|coroutine)\b', false=r'\bblocked\b|\bpool\b', least=(3, 6))
def asyncio_lost():
    async def wait_for_reply():
        reply = asyncio.get_event_loop().create_future()
        stage.standing()
        await reply
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(wait_for_reply())


# --- futures ------------------------------------------------------------------

@hang(r'\b(future|result)\b', false=r'\basyncio|\bevent loop\b|\bpool\b|\bworker', least=(3, 6))
def future_lost():
    future = concurrent.futures.Future()
    stage.standing()
    future.result()


@hang(r'\b(pool|executor|workers?|worker_0)\b', r'\b(future|result|job|task)s?\b',
      may=['deadlock'], least=(3, 6))
def executor_self():
    pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix='worker')

    def inner():
        return 1

    def outer():
        return pool.submit(inner).result()
    stage.standing()
    pool.submit(outer).result()


@hang(r'\bEvent\b', least=(3, 6))
def mp_event():
    event = multiprocessing.Event()
    stage.standing()
    event.wait()


# What is written in C has no frame that would show it.
@hang(r'\b(future|result)\b', r'\bworker_0\b', r'\bsleeps\b', false=r'\bevent loop\b', least=(3, 6))
def executor_sleeps():
    pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix='worker')
    waited_for = pool.submit(time.sleep, 250)
    stage.standing()
    waited_for.result()


@hang(r'\bto end\b', r'\bsleeps\b', least=(3, 6))
def pool_sleeps():
    pool = multiprocessing.pool.ThreadPool(1)
    pool.apply_async(time.sleep, (250,))
    stage.standing()
    pool._pool[0].join()
