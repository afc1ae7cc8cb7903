"""Realtime for the embedded Supabase: row changes, broadcasts and presence over one WebSocket.

How a change travels: ``stream`` reads the write-ahead log and ``pgoutput`` decodes it; ``changes``
decides who may see what (``filters``, ``catalog``, ``visibility``, ``values``); ``hub`` knows the
joined channels; ``connection`` and ``frames`` put it on the wire. ``app`` ties them together.
"""
