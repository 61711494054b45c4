"""mailbot turns an approved e-mail into a Debian virtual machine, and takes it away again, never without warning."""
