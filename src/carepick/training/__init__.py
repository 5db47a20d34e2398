"""How the default bundle is made: corpus, fine-tuning, linear branch, calibration, export. Nothing serves from here."""
