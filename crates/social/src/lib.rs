//! Chat channels and messages
