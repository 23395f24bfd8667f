#include "unit.h"

CU_TestInfo base_options_tests[] = {
	CU_TEST_INFO_NULL,
};
