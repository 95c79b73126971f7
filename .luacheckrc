std = "lua54"
max_line_length = 100
exclude_files = { "build*" }
files["lua/attest/catalogue/*/**"] = { max_line_length = false }
files["tests/support/catalogue"] = { max_line_length = false }
files["tests/spec"] = { std = "+busted" }
files["tests/regress"] = { std = "+busted" }
files["tests/boundary.lua"] = { std = "+busted" }
