//! Who is on which stream, and the joins and leaves that follow from it
