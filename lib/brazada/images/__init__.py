"""Pictures: Fashion-MNIST and photographs of damaged cars, from files to classes in SQL."""
