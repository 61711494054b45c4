"""Types answers at a terminal of its own: `typed.py ANSWERS COMMAND …`, where each line of the file ANSWERS is `question = answer`."""

import os
import pty
import sys
from pathlib import Path

answers = [line.split(" = ") for line in Path(sys.argv[1]).read_text().splitlines()]
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
said = asked = ""
while True:
    try:
        read = os.read(terminal, 4096).decode()
    except OSError:  # the command has ended
        break
    said, asked = said + read, asked + read
    if answers and answers[0][0] in asked:
        asked = ""
        os.write(terminal, f"{answers.pop(0)[1]}\n".encode())
print(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or len(answers))
