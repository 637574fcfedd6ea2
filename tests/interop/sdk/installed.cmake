# Installs the SDK into a folder of its own, builds examples/resource_server against it with nothing but find_package, and
# starts what came out.
#   cmake -DBUILD=<build tree> -DSOURCE=<examples/resource_server> -DCXX=<compiler> -P installed.cmake
set(folder ${BUILD}/sdk-test)
file(REMOVE_RECURSE ${folder})
function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(failed)
    message(FATAL_ERROR "${ARGN}: ${failed}\n${said}")
  endif()
endfunction()
step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${folder}/prefix --component sdk)
step(${CMAKE_COMMAND} -S ${SOURCE} -B ${folder}/build -DCMAKE_PREFIX_PATH=${folder}/prefix -DCMAKE_CXX_COMPILER=${CXX}
     -DCMAKE_BUILD_TYPE=Release)
step(${CMAKE_COMMAND} --build ${folder}/build)
# Without arguments it says how it is used: it is linked, and it runs.
execute_process(COMMAND ${folder}/build/example_resource_server RESULT_VARIABLE status ERROR_VARIABLE said)
if(NOT status EQUAL 2 OR NOT said MATCHES "usage: resource_server")
  message(FATAL_ERROR "the example does not run: ${status} ${said}")
endif()
file(REMOVE_RECURSE ${folder})
message(STATUS "1 passed, 0 failed")
