// Precompiled header of the tests. Nothing may rely on it: include what you use.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/pch.h"
