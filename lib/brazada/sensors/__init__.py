"""Multichannel series: what a robot drives on, which stroke a swimmer swims; from files to classes in SQL."""
