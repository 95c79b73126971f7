--- The ct12 under another name: what a module is that adds nothing.
--
-- SPDX-License-Identifier: MIT

return { extends = "ct12" }
