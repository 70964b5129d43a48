//! The two ports of server code: the hooks that the server calls and the functions it offers
