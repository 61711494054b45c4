"""Files for a site to start from, inside the program so that a wheel brings them: `mailbot examples` gives them."""
