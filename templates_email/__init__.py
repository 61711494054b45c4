"""The letters' templates: `<letter>.txt.j2`, one per `mailbot.model.Letter`, and the layout of the HTML."""
