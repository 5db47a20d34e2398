"""Charts as inline SVG: numbers in, markup out. Colours are the CSS variables of the report, light and dark."""
