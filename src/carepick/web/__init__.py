"""The HTTP API and the page: create_app, one file and one `bp` a blueprint."""
