"""What scenes are made of. Widgets draw what they are told and report what was done to them."""
