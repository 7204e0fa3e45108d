"""The model card: all that a training found about one model, as a page for engineers; `page.card_html` writes it."""
