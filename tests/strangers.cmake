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
  mitral_stranger(e2e_demo e2e ${run} ${e2e}/demo.test.mjs $<TARGET_FILE:mitral>)
  mitral_stranger(e2e_fhirclient e2e ${run} ${e2e}/fhirclient.test.mjs $<TARGET_FILE:mitral>)
  mitral_stranger(e2e_operator e2e ${run} ${e2e}/operator.test.mjs $<TARGET_FILE:mitral>)
endif()
if(MITRAL_PYTHON)
  mitral_stranger(interop_authlib interop
    ${MITRAL_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/interop/oauth/authlib_test.py $<TARGET_FILE:mitral>)
endif()
