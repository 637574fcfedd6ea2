// mitral: see `mitral --help`.
#include "app/cli.h"

int main(int argc, char** argv) { return mitral::app::run_cli(argc, argv); }
