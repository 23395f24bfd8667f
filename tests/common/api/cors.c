#include "unit.h"

CU_TestInfo api_cors_tests[] = {
	CU_TEST_INFO_NULL,
};
