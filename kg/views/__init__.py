"""What people read of a knowledge base: dossiers, descriptions, exports."""
