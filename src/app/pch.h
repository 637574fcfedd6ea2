// Precompiled header of app/: the command line and configuration libraries are slow to read. Nothing may rely on it.
#pragma once

#include <toml++/toml.h>

#include <CLI/CLI.hpp>

#include "base/pch.h"
