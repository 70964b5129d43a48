//! Metric names, logging and trace context of Tavern
