# SPDX-License-Identifier: Apache-2.0
"""For gdb: the frames of all threads, without those that have none on the stack.

A line "T TID" for each thread, then "F ADDRESS NAME" for each frame, the innermost first, the
address being one of the call.
"""
import gdb


def name_of(address):
    text = gdb.execute('info symbol %d' % address, to_string=True)
    return '-' if text.startswith('No symbol') else text.split()[0]


def frames_of_thread():
    frame, newer = gdb.newest_frame(), None
    while frame is not None:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            exact = newer is None or newer.type() == gdb.SIGTRAMP_FRAME
            address = frame.pc() - (not exact)
            print('F %x %s' % (address, name_of(address)))
            newer = frame
        frame = frame.older()


gdb.execute('set backtrace past-main on')
for thread in gdb.selected_inferior().threads():
    thread.switch()
    print('T %d' % (thread.ptid[1] or thread.ptid[0]))
    frames_of_thread()
