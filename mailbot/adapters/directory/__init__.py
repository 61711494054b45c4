"""Who the users are: a file, or an LDAP server; and where their SSH keys come from."""
