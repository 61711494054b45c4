"""The bytes of a mail: MIME, headers, HTML as text, what machines wrote, what came back."""
