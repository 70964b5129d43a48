//! The bus between nodes as a trait, and the in-process bus of a single node
