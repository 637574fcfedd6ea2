# How every target of Mitral is compiled, and the functions that declare modules, tests and fuzz targets.
# Sources are found by folder: a new file needs no edit here.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_library(mitral_flags INTERFACE)
target_compile_options(mitral_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wimplicit-fallthrough -Werror -fno-omit-frame-pointer -fstack-protector-strong)
target_compile_definitions(mitral_flags INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_ARRAY)
target_include_directories(mitral_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  target_compile_options(mitral_flags INTERFACE -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS)
  target_link_options(mitral_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_link_options(mitral_flags INTERFACE -fuse-ld=lld)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    # Small functions live in files of their own here (one standard, one file); the linker puts them where they are used.
    target_compile_options(mitral_flags INTERFACE -flto=thin)
    # Equal functions are kept once and relocations packed: a sixtieth of what an idle server keeps in memory.
    target_link_options(mitral_flags INTERFACE -flto=thin -Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto
      -Wl,--icf=safe -Wl,-z,pack-relative-relocs)
    # The C++ libraries are linked in: a tenth of an idle server's memory is theirs otherwise, most of it unused, and each
    # call of std::string goes through a table.
    target_compile_definitions(mitral_flags INTERFACE FMT_HEADER_ONLY)
    target_link_options(mitral_flags INTERFACE -static-libstdc++ -static-libgcc -Wl,--as-needed)
  endif()
endif()
if(MITRAL_SANITIZE)
  target_compile_options(mitral_flags INTERFACE -fsanitize=${MITRAL_SANITIZE} -fno-sanitize-recover=all
    -fsanitize-ignorelist=${CMAKE_SOURCE_DIR}/cmake/sanitize_ignore.txt)
  target_link_options(mitral_flags INTERFACE -fsanitize=${MITRAL_SANITIZE})
endif()
if(MITRAL_COVERAGE)
  target_compile_options(mitral_flags INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(mitral_flags INTERFACE -fprofile-instr-generate)
endif()
if(MITRAL_FUZZ)
  target_compile_options(mitral_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# One precompiled header for all modules; tests have one with GoogleTest.
function(mitral_compile target)
  target_link_libraries(${target} PRIVATE mitral_flags)
endfunction()

file(WRITE ${CMAKE_BINARY_DIR}/pch.cc "// Carries the precompiled header.\n")
add_library(mitral_pch STATIC ${CMAKE_BINARY_DIR}/pch.cc)
mitral_compile(mitral_pch)
find_package(fmt REQUIRED)
target_link_libraries(mitral_pch PRIVATE fmt::fmt)
target_precompile_headers(mitral_pch PRIVATE ${CMAKE_SOURCE_DIR}/src/base/pch.h)

# mitral_module(<name> <link>...): static library of src/<name>/**.cc. A module without sources yet is an interface.
function(mitral_module name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(target mitral_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    mitral_compile(${target})
    target_link_libraries(${target} PUBLIC ${ARGN})
    # A room that includes a slow library everywhere has a precompiled header of its own.
    if(EXISTS ${CMAKE_SOURCE_DIR}/src/${name}/pch.h)
      target_precompile_headers(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src/${name}/pch.h)
    else()
      target_precompile_headers(${target} REUSE_FROM mitral_pch)
    endif()
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${ARGN})
  endif()
endfunction()

# mitral_test(<target> <ctest label> SOURCES ... LINKS ...): a GoogleTest program, registered as one ctest entry.
function(mitral_test target label)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${target} ${ARG_SOURCES})
  mitral_compile(${target})
  target_link_libraries(${target} PRIVATE ${ARG_LINKS} GTest::gmock GTest::gtest GTest::gtest_main rapidcheck)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE MITRAL_SOURCE_DIR="${CMAKE_SOURCE_DIR}" MITRAL_BINARY_DIR="${CMAKE_BINARY_DIR}")
  # Tests are read by the compiler far more often than they run: built without optimization.
  target_compile_options(${target} PRIVATE -O0)
  target_precompile_headers(${target} REUSE_FROM mitral_test_pch)
  add_test(NAME ${target} COMMAND ${target} --gtest_brief=1)
  set_tests_properties(${target} PROPERTIES LABELS ${label} TIMEOUT 300)
endfunction()
