"""The turns of the bot: `receive` (new mail), `wake` (tickets whose time has come), `deliver` (letters), `build` (machines)."""
