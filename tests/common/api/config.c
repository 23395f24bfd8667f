#include "unit.h"

CU_TestInfo api_config_tests[] = {
	CU_TEST_INFO_NULL,
};
