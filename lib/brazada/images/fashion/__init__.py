"""Fashion-MNIST: 28 x 28 pictures of clothes in ten classes (Xiao, Rasul and Vollgraf 2017)."""
