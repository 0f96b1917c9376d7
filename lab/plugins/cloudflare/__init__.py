"""A stand-in for pulumi-cloudflare: DNS records, tunnels and API tokens on Cloudflare's API."""
