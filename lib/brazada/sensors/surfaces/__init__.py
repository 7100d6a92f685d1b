"""The surface that a robot rolls over, from its inertial unit (Kaggle's CareerCon 2019)."""
