"""mailbot turns an approved email into a Debian virtual machine, and removes it again, never without warning."""
