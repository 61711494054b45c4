"""Sites as the bot asks them: within a time limit (`bounded`), and by a process of their own (`apart`, whose other side is `child`)."""
