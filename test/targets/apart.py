# SPDX-License-Identifier: Apache-2.0
"""Waits that look otherwise from another namespace of pids or of the network: apart.py SOCKET

The main thread waits for a child, `acceptor` for a connection to that path, `pair` for its own.
"""
import os
import signal
import socket
import subprocess
import sys
import threading

signal.alarm(300)
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen(1)
pair = socket.socketpair()
for name, function in ('acceptor', listening.accept), ('pair', lambda: pair[0].recv(1)):
    thread = threading.Thread(target=function, name=name)
    thread.daemon = True
    thread.start()
child = subprocess.Popen(['sleep', '300'], close_fds=True)
print('ready')
sys.stdout.flush()
os.waitpid(child.pid, 0)
