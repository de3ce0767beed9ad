"""Models behind a server: any OpenAI-compatible one, or a llama.cpp child of ours."""
