# Strangers' clients against the real program: browsers, SMART, OpenID and OAuth libraries. Each test starts a demo of its own
# on free ports. Exit status 77 means that a stranger is not installed. Generous time: the program may carry sanitizers.
if(NOT TARGET mitral)
  return()
endif()

function(mitral_stranger name label)
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 300 SKIP_RETURN_CODE 77 PROCESSORS 2)
endfunction()

if(MITRAL_NODE)
  set(run ${CMAKE_COMMAND} -E env MITRAL_NODE=${MITRAL_NODE} sh ${CMAKE_CURRENT_SOURCE_DIR}/node.sh)
  set(oauth ${CMAKE_CURRENT_SOURCE_DIR}/interop/oauth)
  set(e2e ${CMAKE_CURRENT_SOURCE_DIR}/e2e)
  mitral_stranger(interop_openid_client interop ${run} ${oauth}/openid_client.test.mjs $<TARGET_FILE:mitral>)
  mitral_stranger(interop_openid_client_opaque interop
    ${run} ${oauth}/openid_client.test.mjs $<TARGET_FILE:mitral> --token-format opaque)
  mitral_stranger(interop_oauth4webapi_jwt interop
    ${run} ${oauth}/oauth4webapi.test.mjs $<TARGET_FILE:mitral> --token-format jwt)
  mitral_stranger(interop_oauth4webapi_tls interop
    ${run} ${oauth}/oauth4webapi.test.mjs $<TARGET_FILE:mitral> --tls)
  mitral_stranger(interop_fhir_kit_client interop
    ${run} ${CMAKE_CURRENT_SOURCE_DIR}/interop/fhir/fhir_kit_client.test.mjs $<TARGET_FILE:mitral>)
  set(gateway ${CMAKE_CURRENT_SOURCE_DIR}/interop/gateway)
  mitral_stranger(interop_foreign_issuer interop ${run} ${gateway}/foreign_issuer.test.mjs $<TARGET_FILE:mitral>)
  mitral_stranger(interop_legacy_upstream interop ${run} ${gateway}/legacy_upstream.test.mjs $<TARGET_FILE:mitral>)
  mitral_stranger(interop_review_tasks interop ${run} ${gateway}/review_tasks.test.mjs $<TARGET_FILE:mitral>)
  mitral_stranger(interop_nginx_auth_request interop
    ${run} ${gateway}/nginx_auth_request.test.mjs $<TARGET_FILE:mitral> $<TARGET_FILE:example_resource_server>)
  mitral_stranger(interop_hapi interop ${run} ${gateway}/hapi.test.mjs $<TARGET_FILE:mitral>)  # where MITRAL_HAPI is set
  mitral_stranger(e2e_demo e2e ${run} ${e2e}/demo.test.mjs $<TARGET_FILE:mitral>)
  mitral_stranger(e2e_account e2e ${run} ${e2e}/account.test.mjs $<TARGET_FILE:mitral>)
  mitral_stranger(e2e_fhirclient e2e ${run} ${e2e}/fhirclient.test.mjs $<TARGET_FILE:mitral>)
  mitral_stranger(e2e_operator e2e ${run} ${e2e}/operator.test.mjs $<TARGET_FILE:mitral>)
endif()
# Faults with real parts: nodes and databases on machines of their own (network namespaces: needs root). Exit status 77
# where the machine can't do that. The long form is ./do soak.
add_library(fault_shim SHARED cluster/shim.cc)
target_compile_options(fault_shim PRIVATE -Wall -Wextra)
target_link_libraries(fault_shim PRIVATE dl)
if(MITRAL_PYTHON)
  foreach(storage sqlite postgres)
    mitral_stranger(fault_cluster_${storage} fault ${MITRAL_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/cluster/run.py
      $<TARGET_FILE:mitral> $<TARGET_FILE:fault_shim> --storage ${storage} --length 2)
    set_tests_properties(fault_cluster_${storage} PROPERTIES TIMEOUT 600)
  endforeach()
endif()

if(MITRAL_PYTHON)
  mitral_stranger(interop_authlib interop
    ${MITRAL_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/interop/oauth/authlib_test.py $<TARGET_FILE:mitral>)
endif()

# The SDK as it is installed, found by find_package, in a tree of its own. Not with sanitizers: that tree has no flags of ours.
if(NOT MITRAL_SANITIZE AND NOT MITRAL_COVERAGE AND NOT MITRAL_FUZZ)
  mitral_stranger(interop_sdk interop
    ${CMAKE_COMMAND} -DBUILD=${CMAKE_BINARY_DIR} -DSOURCE=${CMAKE_SOURCE_DIR}/examples/resource_server
    -DCXX=${CMAKE_CXX_COMPILER} -P ${CMAKE_CURRENT_SOURCE_DIR}/interop/sdk/installed.cmake)
endif()
