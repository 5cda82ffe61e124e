"""How the runtime is talked to: messages in, answers and events out.

Everything a user can do is a message (`runtime.api.messages`): commands change something, queries read, events tell
what happened. The in-process client and the command line carry the same ones.
"""
