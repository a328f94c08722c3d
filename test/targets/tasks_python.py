# SPDX-License-Identifier: Apache-2.0
"""To be imported: has asyncio use its tasks and futures that are written in Python, also where
those in C are meant, as nest_asyncio does."""
import asyncio.futures
import asyncio.tasks

asyncio.Task = asyncio.tasks.Task = asyncio.tasks._CTask = asyncio.tasks._PyTask
asyncio.Future = asyncio.futures.Future = asyncio.futures._CFuture = asyncio.futures._PyFuture
for name in 'register_task', 'unregister_task', 'enter_task', 'leave_task', 'current_task', 'all_tasks':
    if hasattr(asyncio.tasks, '_py_' + name):
        setattr(asyncio.tasks, name if name[-1:] == 's' or name[0] == 'c' else '_' + name,
                getattr(asyncio.tasks, '_py_' + name))
asyncio.current_task = asyncio.tasks.current_task
for name in 'future_add_to_awaited_by', 'future_discard_from_awaited_by':
    if hasattr(asyncio.futures, '_py_' + name):
        setattr(asyncio.futures, name, getattr(asyncio.futures, '_py_' + name))
