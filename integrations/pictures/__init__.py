"""Pictures of products: which are wanted (wanted), one turn at fetching them (fetching), made small and harmless
(shrinking), kept (storing, cleaning), in the background (queue), and how far that is (overview)."""
