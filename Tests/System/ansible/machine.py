"""An Ansible connection to a booted test system: commands run in the namespaces of its first process."""

import os
import subprocess

from ansible.errors import AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: machine
short_description: Enter the namespaces of a process
description: Runs commands in the namespaces of the process whose number is the host's address.
author: buildinfo
options:
  remote_addr:
    description: The process.
    vars: [{name: ansible_host}]
"""


class Connection(ConnectionBase):
    transport = "machine"
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def enter(self, *command, **options):
        leader = str(int(self._play_context.remote_addr))
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}
        return subprocess.run(["nsenter", "-t", leader, "-a", "--", *command], env=environment, capture_output=True, **options)

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        done = self.enter("/bin/sh", "-c", cmd, input=in_data or b"")
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        if not os.path.exists(in_path):
            raise AnsibleFileNotFound(f"{in_path} does not exist")
        with open(in_path, "rb") as file:
            self.enter("/bin/sh", "-c", 'cat >"$1"', "sh", out_path, input=file.read(), check=True)

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        with open(out_path, "wb") as file:
            file.write(self.enter("cat", in_path, check=True).stdout)

    def close(self):
        self._connected = False
